import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import express, { Router } from 'express';
import { z } from 'zod';
import type { Journal } from './journal.js';
import { listen, stopListening, type PortMemory } from './listening.js';
import { standIns } from './registry.js';
import type { SandboxSettings } from './settings.js';
import type { StandIn } from './stand-in.js';

export interface OpenStandIns {
  readonly routes: Router;
  /** Tells the credentials of all of them, by name. */
  listen(ports: PortMemory): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

interface Options {
  readonly settings: SandboxSettings;
  readonly journal: Journal;
  readonly now: () => number;
}

/** The providers of the registry, each with a folder and a port of its own. */
export function openStandIns({ settings, journal, now }: Options): OpenStandIns {
  const { host, speed } = settings;
  const opened = Object.entries(standIns).map(([name, create]): StandIn => {
    const folder = join(settings.folder, name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return create({ folder, host, journal, speed, now });
  });
  const routes = Router();
  for (const standIn of opened)
    routes.use(`/${standIn.provider}`, outageRoute(standIn, host), standIn.routes);
  return {
    routes,
    async listen(ports) {
      const credentials: Record<string, unknown> = {};
      for (const standIn of opened) {
        const port = await ports.listen(standIn.provider, standIn.server, host, 0);
        Object.assign(credentials, standIn.start(`http://${host}:${port}`));
      }
      return credentials;
    },
    async close() {
      for (const standIn of opened) {
        await stopListening(standIn.server);
        await standIn.close();
      }
    },
  };
}

const outageSchema = z.strictObject({ down: z.boolean() });

/** A real outage: the listening socket is closed, so that the kernel refuses connections. A restart ends it. */
function outageRoute({ server }: StandIn, host: string): Router {
  let port = 0;
  const router = Router().use(express.json());
  router.post('/outage', async (request, response) => {
    const { down } = outageSchema.parse(request.body);
    if (down && server.listening) {
      ({ port } = server.address() as AddressInfo);
      await stopListening(server);
    }
    if (!down && !server.listening) await listen(server, host, port);
    response.json({ done: down ? 'connections are refused' : 'it listens', down });
  });
  return router;
}
