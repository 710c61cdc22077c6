import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordPoll } from '../../db/polls.js';
import { acceptedPayment, mustLoad, openFreshDatabase, type FreshDatabase } from './fresh-database.js';

let database: FreshDatabase;
beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

const nowMs = Date.now();
const later = { askedAtMs: nowMs, nextPollMs: nowMs + 60_000, dueAtMs: nowMs + 120_000 };

describe('a poll that said nothing new', () => {
  it('sets the next one', async () => {
    const payment = await acceptedPayment(database);
    const [operation] = payment.operations;
    await recordPoll(database.app, operation!.id, { ...later, readNextPollMs: operation!.nextPollMs });
    const [polled] = (await mustLoad(database, payment.record.id)).operations;
    expect(polled).toMatchObject({ nextPollMs: later.nextPollMs, pollCount: 1, askedAtMs: nowMs });
  });

  it('does not put off what a cancel, meanwhile, has made due at once', async () => {
    const payment = await acceptedPayment(database);
    const [operation] = payment.operations;
    await database.owner.query('UPDATE operations SET next_poll_at = to_timestamp($1) WHERE id = $2', [
      nowMs / 1000 + 1,
      operation!.id,
    ]);
    await recordPoll(database.app, operation!.id, { ...later, readNextPollMs: operation!.nextPollMs });
    const [polled] = (await mustLoad(database, payment.record.id)).operations;
    expect(polled?.nextPollMs).toBeLessThan(later.nextPollMs);
    expect(polled?.pollCount).toBe(0);
  });
});
