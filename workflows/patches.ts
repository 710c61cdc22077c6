/** Every change of a workflow that a running one may not make half way; a name is for ever, like all in a history. */
export const patches = {
  /** Without a pause before a failover, where there was one before any step that had to be done twice. */
  nextAccountAtOnce: 'next-account-at-once',
} as const;
