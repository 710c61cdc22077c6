/** The payer's browser, which brings an order to UnionPay's front door. */
export interface Cashier {
  /** Of the page on which the payer pays. */
  readonly page: string;
}

const PATIENCE_MS = 1_500;
const MOST_TRIES = 3;

/** Sends the form as a browser does, and again, like a person who loads a page that does not come. */
export async function bringOrder(url: string, fields: Readonly<Record<string, string>>): Promise<Cashier> {
  let seen = '';
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    try {
      const response = await postForm(url, fields, PATIENCE_MS);
      const location = response.headers.get('location');
      if (response.status === 302 && location) return { page: new URL(location, url).href };
      seen = `${response.status} ${(await response.text()).replace(/<[^>]*>/g, ' ').slice(-200)}`;
    } catch (error) {
      seen = error instanceof Error ? error.message : String(error);
    }
  }
  throw new Error(`UnionPay does not take the order: ${seen}`);
}

export function postForm(
  url: string,
  fields: Readonly<Record<string, string>>,
  patienceMs = 10_000,
): Promise<Response> {
  const body = new URLSearchParams(fields);
  return fetch(url, { method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(patienceMs) });
}
