const { defineConfig } = require('@medusajs/framework/utils');

module.exports = defineConfig({
    admin: { disable: true },
    projectConfig: {
        databaseUrl: process.env.DATABASE_URL,
        http: { storeCors: '', adminCors: '', authCors: '', jwtSecret: 'shop', cookieSecret: 'shop' },
    },
    modules: [{
        resolve: '@medusajs/medusa/file',
        options: {
            providers: [{
                resolve: '@medusajs/medusa/file-local',
                id: 'local',
                options: { upload_dir: process.env.SHOP_MEDIA, backend_url: process.env.SHOP_MEDIA_URL },
            }],
        },
    }],
});
