import net, { type AddressInfo, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isMuted: boolean;
}

/**
 * Stands before a server, and can fall silent as a network or a host does that dies without a word: connections stay,
 * or are even made, and not one byte comes over them.
 */
export class SilentServer {
  /** New connections too: they are taken, and told nothing. */
  isSilent = false;
  private readonly pairs = new Set<Pair>();

  private constructor(private readonly server: net.Server) {}

  /** `url` names the server behind it by host and port. */
  static async open(url: string): Promise<SilentServer> {
    const { hostname, port } = new URL(url);
    const server = net.createServer();
    const silent = new SilentServer(server);
    server.on('connection', (client) => silent.take(client, net.connect(Number(port), hostname)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return silent;
  }

  /** The same URL, by way of this one. */
  before(url: string): string {
    const { port } = this.server.address() as AddressInfo;
    return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
  }

  get openConnections(): number {
    return this.pairs.size;
  }

  /** The connections that are open now pass nothing on any more; returns how many these are. */
  silence(): number {
    for (const pair of this.pairs) mute(pair);
    return this.pairs.size;
  }

  async close(): Promise<void> {
    for (const { client, server } of this.pairs) for (const socket of [client, server]) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(client: Socket, server: Socket): void {
    const pair: Pair = { client, server, isMuted: false };
    this.pairs.add(pair);
    for (const socket of [client, server]) socket.on('error', () => undefined);
    client.on('close', () => {
      this.pairs.delete(pair);
      server.destroy();
    });
    // Not even that it is gone is told by a server that is silent.
    server.on('close', () => pair.isMuted || client.destroy());
    client.pipe(server);
    server.pipe(client);
    if (this.isSilent) mute(pair);
  }
}

/** What comes is still read and thrown away, so that it is seen when the client closes. */
function mute(pair: Pair): void {
  pair.isMuted = true;
  for (const socket of [pair.client, pair.server]) {
    socket.unpipe();
    socket.resume();
  }
}
