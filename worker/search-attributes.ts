import { type NativeConnection } from '@temporalio/worker';
import { searchAttributeKeys } from '../workflows/contract.js';

const names = Object.values(searchAttributeKeys).map((key) => key.name);

/** temporal.api.enums.v1.IndexedValueType: INDEXED_VALUE_TYPE_KEYWORD. */
const KEYWORD = 2;

/**
 * Makes the namespace's search attributes where they are missing and may be made. Where they may not (Temporal
 * Cloud makes them by its own tools) it throws an Error that says what to run.
 */
export async function ensureSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const missing = await missingAttributes(connection, namespace);
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    // Another worker that starts at the same moment may have made them.
    if ((await missingAttributes(connection, namespace)).length === 0) return;
    const commands = missing.map(
      (name) =>
        `temporal operator search-attribute create --namespace ${namespace} --name ${name} --type Keyword`,
    );
    throw new Error(
      `the namespace ${namespace} lacks search attributes and they cannot be made from here ` +
        `(${(error as Error).message}); run: ${commands.join(' && ')}`,
    );
  }
}

async function missingAttributes(connection: NativeConnection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return names.filter((name) => !(name in (customAttributes ?? {})));
}
