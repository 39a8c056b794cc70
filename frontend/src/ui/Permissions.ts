import { createContext, useContext } from "react";

/** What the person may do in the organization of this page. A courtesy for showing controls, never a grant. */
export const Permissions = createContext<readonly string[]>([]);

export function useCan(permission: string): boolean {
  return useContext(Permissions).includes(permission);
}
