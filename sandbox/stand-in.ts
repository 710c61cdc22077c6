import type { Server } from 'node:http';
import type { Router } from 'express';
import type { Journal } from './journal.js';

/** What a provider's stand-in is given. */
export interface StandInPorts {
  /** A folder of its own, for what has to outlive a restart. */
  readonly folder: string;
  readonly host: string;
  /** Shared by all providers: what really happened to the payer's money. */
  readonly journal: Journal;
  /** Divides the pauses between notification retries. */
  readonly speed: number;
  readonly now: () => number;
}

/** A provider beside Alipay: one folder, and one line in the registry. */
export interface StandIn {
  readonly provider: string;
  /** Speaks the provider's wire protocol on a port of its own, which is remembered across restarts. */
  readonly server: Server;
  /** For tests and the demonstration, on the control server under `/<provider>`. */
  readonly routes: Router;
  /** Called once, when the server listens at `url`: what the product may know of its accounts, by credential name. */
  start(url: string): Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Stops timers and waits for what is under way. The server is closed by the sandbox. */
  close(): Promise<void>;
}

export type StandInFactory = (ports: StandInPorts) => StandIn;
