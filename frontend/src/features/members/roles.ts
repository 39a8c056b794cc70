/** Roles are sets, not a ladder: a member may do what any of them allows. */
export const roles = ["MEMBER", "OWNER", "BILLING_ADMIN"] as const;
export type Role = (typeof roles)[number];
