import type { Knex } from 'knex';
import * as first from './0001-payments.js';
import * as second from './0002-reviews.js';
import * as third from './0003-ways-to-pay.js';
import * as fourth from './0004-kill-switches.js';
import * as fifth from './0005-routing.js';
import * as sixth from './0006-advance.js';
import * as seventh from './0007-wallets.js';
import * as followUps from './0008-follow-ups.js';
import * as tenth from './0010-told-notifications.js';
import * as movedAmount from './0011-moved-amount.js';

/** Every migration, in order. Names are recorded in the database: never rename or reorder, only append. */
export const migrations: ReadonlyArray<{ name: string; up: (knex: Knex, appRole: string) => Promise<void> }> =
  [
    { name: '0001-payments', up: first.up },
    { name: '0002-reviews', up: second.up },
    { name: '0003-ways-to-pay', up: third.up },
    { name: '0004-kill-switches', up: fourth.up },
    { name: '0005-routing', up: fifth.up },
    { name: '0006-advance', up: sixth.up },
    { name: '0007-wallets', up: seventh.up },
    { name: '0008-follow-ups', up: followUps.up },
    { name: '0010-told-notifications', up: tenth.up },
    { name: '0011-moved-amount', up: movedAmount.up },
  ];
