import { join } from 'node:path';
import { readStateFile, writeStateFile } from '../state-folder.js';
import type { WebhookRequest } from './invoice-request.js';
import type { InvoiceEvent } from './invoice.js';
import { newId } from './webhook-events.js';

export interface Webhook extends Omit<WebhookRequest, 'secret'> {
  readonly id: string;
  readonly storeId: string;
  readonly secret: string;
}

/** Who is told of a store's events. It outlives a restart. */
export class WebhookRegistry {
  readonly #file: string;
  #webhooks: readonly Webhook[];

  constructor(folder: string) {
    this.#file = join(folder, 'webhooks.json');
    this.#webhooks = (readStateFile(this.#file) as Webhook[] | undefined) ?? [];
  }

  /** Answers what the API answers: the secret is shown this once. */
  register(storeId: string, request: WebhookRequest): Omit<Webhook, 'storeId'> {
    const { secret, ...rest } = request;
    const webhook: Webhook = { id: newId(), storeId, secret: secret ?? newId(27), ...rest };
    this.#save([...this.#webhooks, webhook]);
    return { id: webhook.id, ...rest, secret: webhook.secret };
  }

  /** The one webhook of a store, with all of its events. */
  replace(storeId: string, url: string, secret: string): void {
    const others = this.#webhooks.filter((webhook) => webhook.storeId !== storeId);
    const authorizedEvents = { everything: true, specificEvents: [] };
    const settings = { url, secret, enabled: true, automaticRedelivery: true, authorizedEvents };
    this.#save([...others, { id: newId(), storeId, ...settings }]);
  }

  /** False where the store has no such webhook. */
  remove(storeId: string, id: string): boolean {
    const left = this.#webhooks.filter((webhook) => webhook.id !== id || webhook.storeId !== storeId);
    if (left.length === this.#webhooks.length) return false;
    this.#save(left);
    return true;
  }

  isRegistered(id: string): boolean {
    return this.#webhooks.some((webhook) => webhook.id === id);
  }

  listeningTo(storeId: string, type: InvoiceEvent['type']): Webhook[] {
    return this.#webhooks.filter(
      ({ storeId: owner, enabled, authorizedEvents }) =>
        owner === storeId &&
        enabled &&
        (authorizedEvents.everything || authorizedEvents.specificEvents.includes(type)),
    );
  }

  #save(webhooks: readonly Webhook[]): void {
    this.#webhooks = webhooks;
    writeStateFile(this.#file, webhooks);
  }
}
