import { resolve } from "node:path";
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { compress } from "./build/compress.ts";
import { relay } from "./build/relay.ts";

const test = process.env.VITEST !== undefined;

/** Pages that most visits begin at: what they ask for is known with the first load. The others bring their queries with their code. */
const firstPages = ["/", "/login", "/$org", "/$org/", "/$org/domains/", "/$org/domains/$id", "/account"];
const splitBehavior = ({ routeId }: { routeId: string }) =>
  firstPages.includes(routeId) ? undefined : ([["component", "loader"]] as ["component", "loader"][]);

const isEditor = (id: string) => /graphiql|monaco|graphql-language-service|prettier/.test(id);

export default defineConfig({
  plugins: [
    !test && tanstackRouter({ target: "react", autoCodeSplitting: true, codeSplittingOptions: { splitBehavior }, disableLogging: true }),
    relay(),
    react(),
    compress(),
  ],
  resolve: { alias: { "#": resolve("src") } },
  html: { cspNonce: "__NONCE__" },
  build: {
    target: ["chrome125", "safari18", "firefox128"],
    manifest: true,
    // A page's code names its styles and itself. What else it imports is mostly there by then; lists of it for every page were a tenth of the first load.
    modulePreload: {
      resolveDependencies: (_file, files, { hostType }) =>
        hostType === "js" ? files.filter((file, n) => n === 0 || !file.endsWith(".js")) : files,
    },
    emptyOutDir: true,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 5000,
    rolldownOptions: {
      // "use no memo" in the editor's packages is for a compiler that has run already.
      onwarn: (warning, show) => warning.code === "MODULE_LEVEL_DIRECTIVE" || show(warning),
      input: { console: resolve("index.html"), graphiql: resolve("graphiql.html") },
      output: {
        // The editor has a folder of its own: it is never sent unpacked.
        entryFileNames: ({ name }) => (name === "graphiql" ? "assets/explorer/[name]-[hash].js" : "assets/[name]-[hash].js"),
        chunkFileNames: ({ moduleIds }) => (moduleIds.some(isEditor) ? "assets/explorer/[name]-[hash].js" : "assets/[name]-[hash].js"),
        assetFileNames: ({ originalFileNames }) =>
          originalFileNames.some((name) => isEditor(name)) ? "assets/explorer/[name]-[hash][extname]" : "assets/[name]-[hash][extname]",
      },
    },
  },
  worker: { rolldownOptions: { output: { entryFileNames: "assets/explorer/[name]-[hash].js" } } },
  test: { environment: "happy-dom", setupFiles: ["src/test/setup.ts"], include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
