import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort, isPortFree, releasePort } from '../../scripts/processes/ports.js';

describe('free ports', () => {
  it('never gives one port to two callers', async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
    expect(new Set(ports).size).toBe(20);
  });

  it('passes over a preferred port that somebody listens on', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await isPortFree(port)).toBe(false);
    expect(await freePort(port)).not.toBe(port);
    await new Promise((resolve) => server.close(resolve));
  });

  it('gives a released port again', async () => {
    const port = await freePort();
    expect(await freePort([port])).not.toBe(port);
    releasePort(port);
    expect(await freePort([undefined, port])).toBe(port);
  });
});
