const PREFIX = "np-token:";

/** A token from the address of a mailed link: taken out of the address at once, kept for this tab so that a reload still works. */
export function takeToken(purpose: string, token: string) {
  sessionStorage.setItem(PREFIX + purpose, token);
}

export const tokenOf = (purpose: string) => sessionStorage.getItem(PREFIX + purpose);

export function dropToken(purpose: string) {
  sessionStorage.removeItem(PREFIX + purpose);
}
