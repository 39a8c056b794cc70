import { mock } from "./mock.mjs";
import { files } from "./pages.mjs";

const server = await mock({ port: Number(process.env.PORT ?? 20950), files });
console.log(`the widget on a page, with a pretend server behind it: ${server.url}/?mode=modal`);
