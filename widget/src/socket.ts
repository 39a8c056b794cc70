/** A chunk of its own: the first screen needs no socket. */
export { createClient } from "graphql-ws";
