import { readFileSync } from 'node:fs';
import { SettingError, type Environment } from './environment.js';

/** What `Connection` (client) and `NativeConnection` (worker) both take. */
export interface TemporalConnectionOptions {
  readonly address: string;
  readonly tls?: TemporalTls | boolean;
  readonly apiKey?: string;
  readonly metadata?: Record<string, string>;
}

interface TemporalTls {
  serverNameOverride?: string;
  serverRootCACertificate?: Buffer;
  clientCertPair?: { crt: Buffer; key: Buffer };
}

/**
 * What the worker's connection takes beside it. Inside one network to compress costs more than it saves, on both sides;
 * over TLS, which is how other networks are reached, the SDK's own choice stays.
 */
export function grpcCompression(options: TemporalConnectionOptions): { grpcCompression?: { codec: 'none' } } {
  return options.tls === undefined || options.tls === false ? { grpcCompression: { codec: 'none' } } : {};
}

/** The variables bear the names that Temporal's own tools read. Throws SettingError for a file that is not there. */
export function temporalConnectionOptions(environment: Environment): TemporalConnectionOptions {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_API_KEY: apiKey } = environment;
  const tls = tlsOptions(environment);
  return {
    address,
    ...(tls === undefined ? {} : { tls }),
    // Temporal Cloud routes a call made with an API key by its namespace.
    ...(apiKey === undefined
      ? {}
      : { apiKey, metadata: { 'temporal-namespace': environment.TEMPORAL_NAMESPACE } }),
  };
}

function tlsOptions(environment: Environment): TemporalTls | boolean | undefined {
  const {
    TEMPORAL_TLS: wanted,
    TEMPORAL_TLS_SERVER_NAME: serverName,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority,
    TEMPORAL_TLS_CLIENT_CERT_PATH: certificate,
    TEMPORAL_TLS_CLIENT_KEY_PATH: key,
  } = environment;
  if ((certificate === undefined) !== (key === undefined)) {
    throw new SettingError(
      'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH must be set together',
    );
  }
  const details: TemporalTls = {
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
    ...(authority === undefined
      ? {}
      : { serverRootCACertificate: readSettingFile('TEMPORAL_TLS_SERVER_CA_CERT_PATH', authority) }),
    ...(certificate === undefined || key === undefined
      ? {}
      : {
          clientCertPair: {
            crt: readSettingFile('TEMPORAL_TLS_CLIENT_CERT_PATH', certificate),
            key: readSettingFile('TEMPORAL_TLS_CLIENT_KEY_PATH', key),
          },
        }),
  };
  if (Object.keys(details).length > 0) {
    if (wanted === false)
      throw new SettingError('TEMPORAL_TLS is false, but other TEMPORAL_TLS_ variables are set');
    return details;
  }
  return wanted;
}

function readSettingFile(variable: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new SettingError(`${variable} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
