/**
 * Every boundary between two steps at which a process may die, by name. Tests kill the process there; in
 * production the calls do nothing. A test holds this list against the calls in the code, both ways.
 */
export const apiCrashPoints = [
  'api.accept.before_commit',
  'api.accept.after_commit',
  'api.accept.before_reply',
  'api.notification.before_commit',
  'api.notification.after_commit',
  'api.request.after_commit',
] as const;

export const workerCrashPoints = [
  'worker.start.before_call',
  'worker.start.after_call',
  'worker.start.after_commit',
  'worker.failover.after_commit',
  'worker.replay.before_call',
  'worker.replay.after_call',
  'worker.advance.after_taking',
  'worker.advance.before_call',
  'worker.advance.after_call',
  'worker.advance.after_commit',
  'worker.advance.before_replay',
  'worker.advance.after_replay',
  'worker.query.after_call',
  'worker.query.after_commit',
  'worker.close.after_call',
  'worker.close.after_commit',
  'worker.settle.before_commit',
  'worker.settle.after_commit',
  'worker.cancel.before_commit',
  'worker.cancel.after_commit',
  'worker.review.after_commit',
  'worker.late.after_commit',
  'worker.webhook.after_claim',
  'worker.webhook.after_call',
  'worker.sweep.after_claim',
] as const;

export type CrashPoint = (typeof apiCrashPoints)[number] | (typeof workerCrashPoints)[number];

/** Dies, or does nothing. */
export type CrashAt = (point: CrashPoint) => void;
