/** The short screens, fetched while the first one is being read. */
export { Already as already } from "./already";
export { Analysis as analysis } from "./analysis";
export { Problem as problem } from "./problem";
export { Success as success } from "./success";
