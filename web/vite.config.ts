import { defineConfig, type Plugin } from "vite";

/**
 * Lets the first paint wait for the entry script, which sets the theme: a page that was told "dark"
 * would otherwise flash white, and the Content-Security-Policy allows no inline script to prevent it.
 */
const paintAfterTheme: Plugin = {
  name: "paint-after-theme",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
};

/** `npm run dev` shows the app of the sources with the data of a server that runs already. */
const server = process.env["HASHREEL_SERVER"] ?? "http://127.0.0.1:8080";

/** The server refuses what comes from another site's page: here the page is ours. */
const ours = { target: server, changeOrigin: true, headers: { origin: server } };

export default defineConfig({
  server: { proxy: { "/v1": { ...ours, ws: true }, "/uploads": ours, "/play": ours } },
  plugins: [paintAfterTheme],
  build: {
    target: "es2022",
    // No data: URLs, because the Content-Security-Policy allows only files of this origin.
    assetsInlineLimit: 0,
    // hls.js is one chunk of its own, loaded with the player only.
    chunkSizeWarningLimit: 600,
  },
});
