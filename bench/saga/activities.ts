import type pg from 'pg';
import type { JsonClient } from '../json-client.js';

export function createSagaActivities(provider: JsonClient, database: pg.Pool) {
  return {
    async authorize(paymentId: string): Promise<void> {
      await provider.post('/authorize', { paymentId, amount: 100_000, currency: 'CNY' });
    },
    async capture(paymentId: string): Promise<void> {
      await provider.post('/capture', { paymentId, amount: 100_000, currency: 'CNY' });
    },
    async settle(paymentId: string): Promise<void> {
      const client = await database.connect();
      try {
        await client.query('BEGIN');
        await client.query({ ...insertPayment, values: [paymentId, 100_000, 'CNY'] });
        await client.query({ ...settlePayment, values: [paymentId] });
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
  };
}

export type SagaActivities = ReturnType<typeof createSagaActivities>;

export const sagaSchema =
  'CREATE TABLE payments (id text PRIMARY KEY, amount_minor bigint NOT NULL, currency text NOT NULL, ' +
  'status text NOT NULL, settled_at timestamptz)';

const insertPayment = {
  name: 'insert-payment',
  text: `INSERT INTO payments (id, amount_minor, currency, status) VALUES ($1, $2, $3, 'authorized')`,
};

const settlePayment = {
  name: 'settle-payment',
  text: `UPDATE payments SET status = 'succeeded', settled_at = now() WHERE id = $1`,
};
