import type { NotExecuted } from '../domain/outcome.js';
import type { AccountReference, ConnectorDependencies, Credentials } from './connector.js';

/** Throws where configuration has no usable credential. */
export type ClientFor<Client> = (account: AccountReference) => Client;

/**
 * One client per credential, made again when the credential's settings change. `make` throws for settings that it cannot
 * use; `retire` gets the client that another has replaced, on which calls may still be under way.
 */
export function createClients<Client>(
  { credentials }: Pick<ConnectorDependencies, 'credentials'>,
  make: (name: string, settings: Credentials) => Client,
  retire: (client: Client) => void = () => undefined,
): ClientFor<Client> {
  const clients = new Map<string, { readonly settings: string; readonly client: Client }>();
  return ({ credential: name }) => {
    const given = credentials(name);
    const settings = JSON.stringify(given);
    const known = clients.get(name);
    if (known?.settings === settings) return known.client;
    const client = make(name, given);
    clients.set(name, { settings, client });
    if (known) retire(known.client);
    return client;
  };
}

/** What a connector does with the account's client; without a usable credential nothing is sent. */
export async function withClient<Client, Result>(
  account: AccountReference,
  clientFor: ClientFor<Client>,
  act: (client: Client) => Promise<Result>,
): Promise<Result | NotExecuted> {
  let client: Client;
  try {
    client = clientFor(account);
  } catch {
    const message = `the credential ${account.credential} is missing or not usable; nothing was sent`;
    return { kind: 'not_executed', reason: 'config', error: { code: 'credential', message } };
  }
  return act(client);
}
