import type { IncomingMessage } from 'node:http';

/** The whole body. Throws where it is longer than a provider would take. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw new Error('The request is larger than the sandbox takes.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
