/** The screens after the first answer, fetched while the first screen is being read. */
export { Manual as manual } from "./manual";
export { Progress as progress } from "./progress";
