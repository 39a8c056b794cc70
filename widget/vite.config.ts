import { defineConfig } from "vitest/config";
import { catalogues } from "./build/catalogues.ts";
import { documents } from "./build/documents.ts";
import { seal } from "./build/seal.ts";

export default defineConfig({
  plugins: [documents(), catalogues(), seal()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: ["chrome117", "safari17.2", "firefox120"],
    outDir: "dist/v1",
    emptyOutDir: true,
    modulePreload: false,
    reportCompressedSize: false,
    lib: {
      entry: { connect: "src/element.ts", react: "src/react.tsx" },
      formats: ["es"],
      fileName: (_, name) => `${name}.js`,
    },
    rolldownOptions: {
      preserveEntrySignatures: "allow-extension",
      external: ["react"],
      output: {
        minify: true,
        chunkFileNames: "[name]-[hash].js",
        // The details come with the screens after the first and weigh by themselves.
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [{ name: "details", test: /\/src\/(details|features\/domains)\// }],
        },
      },
    },
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], server: { deps: { external: [/\/dev\//] } } },
});
