import { afterEach, describe, expect, it } from 'vitest';
import { DAY_MS, lasting, PATH, told, type Told } from './paypal-events.js';
import { nowMs } from './paypal-test-server.js';

let event: Told;
afterEach(() => event.server.close());

const days = (number: number) => nowMs + number * DAY_MS;
const fetches = (path = PATH) => event.server.calls.filter(({ route }) => route === `GET ${path}`).length;
const isTaken = async () => (await event.again()).kind === 'verified';

/** Forged events by many addresses at PayPal's host, each of which has a good certificate. */
async function flood(from: number, count: number): Promise<void> {
  for (let number = from; number < from + count; number += 1) {
    const path = `/v1/notifications/certs/X${number}`;
    event.server.answers[`GET ${path}`] = event.server.answers[`GET ${PATH}`]!;
    const parsed = await event.again({ path, body: Buffer.from('{"id":"forged"}') });
    expect(parsed).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  }
}

describe('a certificate by which a genuine event came', () => {
  it('is pushed out by no number of forged ones', async () => {
    event = await told({ dates: lasting(-DAY_MS, 5 * DAY_MS) });
    for (let minute = 1; minute <= 5; minute += 1) {
      event.server.clockMs = nowMs + minute * 60_000;
      await flood(minute * 10, 10);
    }
    expect(await isTaken()).toBe(true);
    expect(fetches()).toBe(1);
  });

  it('is renewed after a day, though forged events have used up all other fetches', async () => {
    event = await told({ dates: lasting(-DAY_MS, 5 * DAY_MS) });
    event.server.clockMs = days(1);
    await flood(0, 15);
    expect(await isTaken()).toBe(true);
    expect(fetches()).toBe(2);
  });

  it('is good while it cannot be renewed, and asked for a few times a minute, until it has run out', async () => {
    event = await told({ dates: lasting(-DAY_MS, 2 * DAY_MS) });
    event.server.answers[`GET ${PATH}`] = [500, 'no'];
    event.server.clockMs = days(1);
    for (let times = 0; times < 20; times += 1) expect(await isTaken()).toBe(true);
    expect(fetches()).toBe(1 + 4);
    event.server.clockMs = days(2) + 1000;
    expect(await isTaken()).toBe(false);
  });

  it('is good no more once PayPal has withdrawn it', async () => {
    event = await told({ dates: lasting(-DAY_MS, 5 * DAY_MS) });
    event.server.answers[`GET ${PATH}`] = [404, 'gone'];
    event.server.clockMs = days(1);
    expect(await isTaken()).toBe(false);
  });

  it('is fetched once for many events that come at once', async () => {
    event = await told({ dates: lasting(-DAY_MS, 5 * DAY_MS), isFirst: false });
    const answers = await Promise.all(Array.from({ length: 30 }, () => event.again()));
    expect(answers.filter(({ kind }) => kind === 'verified')).toHaveLength(30);
    expect(fetches()).toBe(1);
  });
});

describe('a certificate by which none came', () => {
  it('is fetched ten a minute at most, whatever flood of addresses there is', async () => {
    event = await told();
    for (let number = 0; number < 40; number += 1) {
      await event.again({ path: `/v1/notifications/certs/X${number}` });
    }
    expect(event.server.calls).toHaveLength(10);
  });

  it('is not good after a day where it cannot be fetched again', async () => {
    event = await told({ dates: lasting(-DAY_MS, 5 * DAY_MS), isFirst: false });
    await event.again({ body: Buffer.from('{"id":"forged"}') });
    event.server.answers[`GET ${PATH}`] = [500, 'no'];
    event.server.clockMs = days(1);
    expect(await isTaken()).toBe(false);
  });
});
