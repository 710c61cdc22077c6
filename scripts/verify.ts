import { readEnvironment } from '../config/environment.js';
import { connectDatabase } from '../db/connect.js';
import { verifyLedger } from '../db/verify-ledger.js';
import { verifyWallets } from '../db/verify-wallets.js';

const usage = `Usage: npm run verify

Adds up the books again: every ledger transaction sums to zero, and every wallet's balance is what its movements and
its ledger entries come to. Prints what differs, one JSON object a line; the exit code is 0 only if nothing does.

Needs DATABASE_URL.`;

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    console.error(usage);
    return args.includes('--help') ? 0 : 2;
  }
  const { DATABASE_URL: url } = readEnvironment();
  const database = connectDatabase({ url, applicationName: 'quittance-verify', statementTimeoutMs: null });
  try {
    const ledger = await verifyLedger(database);
    const { wallets, differences } = await verifyWallets(database);
    for (const difference of [...ledger.differences, ...differences]) console.log(JSON.stringify(difference));
    const wrong = ledger.differences.length + differences.length;
    const sizes = `${ledger.transactions} ledger transactions, ${wallets} wallets`;
    console.log(wrong === 0 ? `The books are right: ${sizes}.` : `${wrong} differences in ${sizes}.`);
    return wrong === 0 ? 0 : 1;
  } finally {
    await database.destroy();
  }
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    const { code } = error as { code?: unknown };
    console.error(typeof code === 'string' ? `The database refused (${code}).` : (error as Error).message);
    process.exitCode = 1;
  },
);
