// Writes src/routeTree.gen.ts before tsc needs it; Vite's plugin does the same while it serves.
import { Generator, getConfig } from "@tanstack/router-generator";

await new Generator({ config: getConfig({ target: "react", disableLogging: true }, process.cwd()), root: process.cwd() }).run();
