/** Permissions under their noun, in the order of the server: what a key may be given. */
export function grouped(permissions: readonly string[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const permission of permissions) {
    const noun = permission.split(".")[0] ?? permission;
    groups.set(noun, [...(groups.get(noun) ?? []), permission]);
  }
  return [...groups];
}

/** Life times that the dialog offers, in days; none is the last. */
export const lifetimes = [30, 90, 365, 0] as const;
