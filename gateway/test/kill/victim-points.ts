/** The points of a request's path at which `victim.ts` can end itself; mid-stream is the test's own doing. */
export const killPoints = ['before-open', 'open-send', 'settle-terminal', 'shipped-acknowledged'] as const;
export type KillPoint = (typeof killPoints)[number];
