import { describeConformance } from './suite.js';
import { openWallet } from './wallet-harness.js';

const noNetwork = 'nothing is sent: the charge is the statement of our own database that records it';

describeConformance({
  provider: 'wallet',
  lacks: {
    offer: 'the payer has nothing to do: a wallet is charged at once',
    called_start: noNetwork,
    closable: 'there is no offer that could be taken back',
    notifications: 'our own ledger tells nobody: what it did is in the rows that the workflow reads',
    resent_notifications: 'our own ledger sends no notifications',
    stale_notifications: 'our own ledger sends no notifications',
    second_account: 'there is one ledger, and no door of another account to knock at',
    wrong_secret: 'our own ledger has no secret that could be wrong',
    key_conflict: 'the terms are in the row under the key, and no call brings others',
    retry_after: noNetwork,
    outage: 'without our own database there is no workflow that could ask',
    faults: noNetwork,
    secrets: 'our own ledger has no secret that could be told',
  },
  open: openWallet,
});
