// The shop at work: a real Vendure server, changed through its Admin API.
// Reads lines of JSON, {"do": verb, ...arguments}, and prints an answer to each.
'use strict';

const fs = require('node:fs/promises');
const path = require('node:path');
const readline = require('node:readline');
const {
    bootstrap, DefaultJobQueuePlugin, DefaultLogger, dummyPaymentHandler, JobQueueService, LogLevel,
} = require('@vendure/core');
const { populate } = require('@vendure/core/cli');
const { AssetServerPlugin } = require('@vendure/asset-server-plugin');

const samples = path.join(path.dirname(require.resolve('@vendure/create/package.json')), 'assets');
const port = Number(process.env.SHOP_PORT);
const credentials = { identifier: 'admin', password: 'admin' };

const config = synchronize => ({
    apiOptions: { port, hostname: '127.0.0.1', adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
    authOptions: { tokenMethod: ['bearer'], superadminCredentials: credentials },
    dbConnectionOptions: { type: 'postgres', url: process.env.DATABASE_URL, synchronize },
    importExportOptions: { importAssetsDir: path.join(samples, 'images') },
    logger: new DefaultLogger({ level: LogLevel.Warn, timestamp: false }),
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    plugins: [
        AssetServerPlugin.init({ route: 'assets', assetUploadDir: process.env.SHOP_MEDIA }),
        DefaultJobQueuePlugin.init({ pollInterval: 50 }),
    ],
});

let app, token;

async function api(query, variables = {}, file) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    let body = JSON.stringify({ query, variables });
    if (file) {
        const form = new FormData();
        form.append('operations', body);
        form.append('map', JSON.stringify({ 0: ['variables.input.0.file'] }));
        form.append('0', new Blob([await fs.readFile(file)], { type: 'image/jpeg' }), path.basename(file));
        body = form;
        headers['apollo-require-preflight'] = 'true';
    } else {
        headers['content-type'] = 'application/json';
    }
    const response = await fetch(`http://127.0.0.1:${port}/admin-api`, { method: 'POST', headers, body });
    const answer = await response.json();
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    token = response.headers.get('vendure-auth-token') || token;
    return answer.data;
}

async function start(synchronize) {
    app = synchronize
        ? await populate(() => bootstrap(config(true)), path.join(samples, 'initial-data.json'),
            path.join(samples, 'products.csv'))
        : await bootstrap(config(false));
    await app.get(JobQueueService).start();
    await api('mutation($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }',
        { u: credentials.identifier, p: credentials.password });
    await settled();
}

// Vendure fills its collections in the background.
async function settled() {
    const query = '{ jobs(options: { filter: { isSettled: { eq: false } } }) { totalItems } }';
    while ((await api(query)).jobs.totalItems > 0) await new Promise(done => setTimeout(done, 100));
}

async function picture(file) {
    const query = 'mutation($input: [CreateAssetInput!]!) { createAssets(input: $input) { ... on Asset { id } } }';
    return (await api(query, { input: [{ file: null }] }, file)).createAssets[0].id;
}

const variants = async id =>
    (await api('query($id: ID!) { product(id: $id) { variants { id } } }', { id })).product.variants.map(variant => variant.id);

const update = input =>
    api('mutation($input: UpdateProductInput!) { updateProduct(input: $input) { id } }', { input });

const translated = name => [{ languageCode: 'en', name, slug: name.toLowerCase().replace(/\W+/g, '-'), description: '' }];

const verbs = {
    async migrate() {},
    async populate() {
        await start(true);
        return (await verbs.listed()).length;
    },
    async serve() {
        await start(false);
    },
    async listed() {
        const query = '{ products(options: { sort: { id: ASC }, filter: { enabled: { eq: true } }, take: 1000 })'
            + ' { items { id name featuredAsset { source } } } }';
        return (await api(query)).products.items.map(item => ({
            id: item.id, title: item.name,
            picture: item.featuredAsset && new URL(item.featuredAsset.source, 'http://h/').pathname,
        }));
    },
    async rename({ id, title }) {
        await update({ id, translations: [{ languageCode: 'en', name: title }] });
    },
    async reprice({ id, price }) {
        const input = (await variants(id)).map(variant => ({ id: variant, price: Math.round(price * 100) }));
        await api('mutation($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }', { input });
    },
    async repicture({ id, picture: file }) {
        const asset = await picture(file);
        await update({ id, featuredAssetId: asset, assetIds: [asset] });
    },
    async add({ title, picture: file, price }) {
        const asset = await picture(file);
        const { createProduct } = await api(
            'mutation($input: CreateProductInput!) { createProduct(input: $input) { id } }',
            { input: { translations: translated(title), featuredAssetId: asset, assetIds: [asset] } });
        await api('mutation($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id } }',
            { input: [{ productId: createProduct.id, sku: `NEW-${createProduct.id}`, price: Math.round(price * 100),
                translations: [{ languageCode: 'en', name: title }] }] });
        return createProduct.id;
    },
    async publish({ id, public: enabled }) {
        await update({ id, enabled });
    },
    async delete({ id }) {
        await api('mutation($id: ID!) { deleteProduct(id: $id) { result } }', { id });
    },
    async change_variant({ id, sku, title, price }) {
        const input = [{ id: (await variants(id))[0], sku, price: Math.round(price * 100), stockOnHand: 0,
            trackInventory: 'TRUE', translations: [{ languageCode: 'en', name: title }] }];
        await api('mutation($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }', { input });
    },
    async enable_variants({ id, enabled }) {
        await api('mutation($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }',
            { input: (await variants(id)).map(variant => ({ id: variant, enabled })) });
    },
    async translate({ id, language, title }) {
        const languages = ['en', language];
        await api('mutation($input: UpdateGlobalSettingsInput!) { updateGlobalSettings(input: $input) { __typename } }',
            { input: { availableLanguages: languages } });
        const { activeChannel } = await api('{ activeChannel { id } }');
        await api('mutation($input: UpdateChannelInput!) { updateChannel(input: $input) { __typename } }',
            { input: { id: activeChannel.id, availableLanguageCodes: languages } });
        const [translation] = translated(title);
        await update({ id, translations: [{ ...translation, languageCode: language }] });
    },
    async open_channel({ code, id }) {
        const { activeChannel } = await api('{ activeChannel { defaultTaxZone { id } defaultShippingZone { id } } }');
        const { createChannel } = await api(
            'mutation($input: CreateChannelInput!) { createChannel(input: $input) { ... on Channel { id } } }',
            { input: { code, token: code, defaultLanguageCode: 'en', pricesIncludeTax: false, defaultCurrencyCode: 'EUR',
                availableCurrencyCodes: ['EUR'], defaultTaxZoneId: activeChannel.defaultTaxZone.id,
                defaultShippingZoneId: activeChannel.defaultShippingZone.id } });
        await api('mutation($input: AssignProductsToChannelInput!) { assignProductsToChannel(input: $input) { id } }',
            { input: { productIds: [id], channelId: createChannel.id, priceFactor: 0.5 } });
    },
    async rename_category({ name, to }) {
        const found = await api('query($name: String!) { collections(options: { filter: { name: { eq: $name } } }) { items { id } } }', { name });
        await api('mutation($input: UpdateCollectionInput!) { updateCollection(input: $input) { id } }',
            { input: { id: found.collections.items[0].id, translations: [{ languageCode: 'en', name: to }] } });
        await settled();
    },
};

async function main() {
    console.log('-> {"done":null}');
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const { do: verb, ...order } = JSON.parse(line);
        let answer;
        try {
            answer = { done: (await verbs[verb](order)) ?? null };
        } catch (error) {
            console.error(error);
            answer = { error: String(error) };
        }
        console.log(`-> ${JSON.stringify(answer)}`);
    }
    await app?.close();
    process.exit(0);
}

main();
