/** The screens at which a way ends or stops, fetched while the first screen is being read. */
export { Already as already } from "./already";
export { Problem as problem } from "./problem";
export { Success as success } from "./success";
