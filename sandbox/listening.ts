import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readStateFile, StartRefused, writeStateFile } from './state-folder.js';

/** Listens on `port` (0: a free one) and tells the port taken. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Stops listening and drops what is open: hanging answers (a fault) would otherwise keep the server for ever. */
export function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Ports once chosen are kept, so that QR links and notify URLs outlive a restart. */
export class PortMemory {
  readonly #file: string;
  readonly #ports: Record<string, number>;

  constructor(folder: string) {
    this.#file = join(folder, 'ports.json');
    this.#ports = (readStateFile(this.#file) ?? {}) as Record<string, number>;
  }

  async listen(name: string, server: Server, host: string, wantedPort: number): Promise<number> {
    const remembered = wantedPort === 0 ? (this.#ports[name] ?? 0) : wantedPort;
    const port = await listen(server, host, remembered).catch((error: NodeJS.ErrnoException) => {
      if (wantedPort === 0 && remembered !== 0 && error.code === 'EADDRINUSE') return listen(server, host, 0);
      throw new StartRefused(`Cannot listen on ${host}:${remembered} for the ${name}: ${error.message}.`);
    });
    this.#ports[name] = port;
    writeStateFile(this.#file, this.#ports);
    return port;
  }
}
