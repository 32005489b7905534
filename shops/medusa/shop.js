// The shop at work: everything through Medusa's own workflows. Run by `medusa exec`.
// Reads lines of JSON, {"do": verb, ...arguments}, and prints an answer to each.
'use strict';

const fs = require('node:fs/promises');
const path = require('node:path');
const readline = require('node:readline');
const flows = require('@medusajs/medusa/core-flows');

module.exports.default = async function main({ container }) {
    const query = container.resolve('query');
    const run = async (flow, input) => (await flows[flow](container).run({ input })).result;

    async function upload(file) {
        const content = (await fs.readFile(file)).toString('base64');
        const [stored] = await run('uploadFilesWorkflow', {
            files: [{ filename: path.basename(file), mimeType: 'image/jpeg', content, access: 'public' }],
        });
        return stored.url;
    }

    async function product({ title, picture, price, colour, sizes, ...rest }) {
        const url = await upload(picture);
        return {
            title, status: 'published', thumbnail: url, images: [{ url }],
            options: [{ title: 'Size', values: sizes }, { title: 'Color', values: [colour] }],
            variants: sizes.map(size => ({
                title: `${size} / ${colour}`, manage_inventory: false,
                options: { Size: size, Color: colour },
                prices: [{ amount: price, currency_code: 'eur' }],
            })),
            ...rest,
        };
    }

    const verbs = {
        async migrate() {},
        async populate({ goods }) {
            const [channel] = await run('createSalesChannelsWorkflow', { salesChannelsData: [{ name: 'Shop' }] });
            const store = (await query.graph({ entity: 'store', fields: ['id'] })).data[0];
            const supported_currencies = [{ currency_code: 'eur', is_default: true }];
            if (store) {
                await run('updateStoresWorkflow', { selector: { id: store.id }, update: { supported_currencies } });
            } else {
                await run('createStoresWorkflow', { stores: [{ name: 'Shop', supported_currencies }] });
            }
            const categories = new Map();
            for (const { path: names } of goods) {
                for (const [depth, name] of names.entries()) {
                    if (categories.has(name)) continue;
                    const [made] = await run('createProductCategoriesWorkflow', {
                        product_categories: [{ name, is_active: true, parent_category_id: categories.get(names[depth - 1]) }],
                    });
                    categories.set(name, made.id);
                }
            }
            const products = [];
            for (const { code, title, path: names, colour, price, picture, attributes } of goods) {
                products.push(await product({
                    title, picture, colour, price, sizes: names.at(-1) === 'Tshirts' ? ['S', 'M', 'L'] : ['One size'],
                    handle: `style-${code}`.toLowerCase(), metadata: attributes,
                    category_ids: [categories.get(names.at(-1))], sales_channels: [{ id: channel.id }],
                }));
            }
            return (await run('createProductsWorkflow', { products })).length;
        },
        async listed() {
            const { data } = await query.graph({
                entity: 'product', fields: ['id', 'title', 'thumbnail'], filters: { status: 'published' },
                pagination: { order: { handle: 'ASC' } },
            });
            return data.map(({ id, title, thumbnail }) => ({ id, title, picture: thumbnail }));
        },
        async rename({ id, title }) {
            await run('updateProductsWorkflow', { selector: { id }, update: { title } });
        },
        async reprice({ id, price }) {
            const { data } = await query.graph({ entity: 'variant', fields: ['id'], filters: { product_id: id } });
            await run('updateProductVariantsWorkflow', {
                product_variants: data.map(variant => ({ id: variant.id, prices: [{ amount: price, currency_code: 'eur' }] })),
            });
        },
        async change_variant({ id, sku, title, price }) {
            const { data: [variant] } = await query.graph({ entity: 'variant', fields: ['id'], filters: { product_id: id } });
            await run('updateProductVariantsWorkflow', {
                product_variants: [{ id: variant.id, sku, title, manage_inventory: true, prices: [{ amount: price, currency_code: 'eur' }] }],
            });
        },
        async repicture({ id, picture }) {
            const url = await upload(picture);
            await run('updateProductsWorkflow', { selector: { id }, update: { thumbnail: url, images: [{ url }] } });
        },
        async add({ title, picture, price }) {
            const made = await product({ title, picture, price, colour: 'Black', sizes: ['M'] });
            return (await run('createProductsWorkflow', { products: [made] }))[0].id;
        },
        async publish({ id, public: shown }) {
            await run('updateProductsWorkflow', { selector: { id }, update: { status: shown ? 'published' : 'draft' } });
        },
        async delete({ id }) {
            await run('deleteProductsWorkflow', { ids: [id] });
        },
        async rename_category({ name, to }) {
            await run('updateProductCategoriesWorkflow', { selector: { name }, update: { name: to } });
        },
    };

    console.log('-> {"done":null}');
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const { do: verb, ...order } = JSON.parse(line);
        let answer;
        try {
            answer = { done: (await verbs[verb](order)) ?? null };
        } catch (error) {
            console.error(error);
            answer = { error: String(error?.message ?? error) };
        }
        console.log(`-> ${JSON.stringify(answer)}`);
    }
};
