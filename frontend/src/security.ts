import { setNonce } from "get-nonce";

/** The nonce that the server put into this page and into its Content-Security-Policy. */
export const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
setNonce(nonce); // react-remove-scroll writes a <style> of its own when a dialog opens

declare const trustedTypes: { createPolicy(name: string, rules: object): unknown } | undefined;

// Mantine sets the text of its <style> elements through innerHTML. Text without "<" can hold no element and passes;
// everything else throws, scripts included.
if (typeof trustedTypes !== "undefined") {
  trustedTypes.createPolicy("default", {
    createHTML(text: string) {
      if (text.includes("<")) throw new TypeError("markup refused");
      return text;
    },
    createScriptURL(address: string) {
      throw new TypeError(`script ${address} refused`);
    },
  });
}
