import { escapeHtml, htmlPage } from '../html-page.js';
import type { Order } from './book.js';

/** PayPal's page, on which a person plays the payer. */
export function payerPage({ id, amount, description, status }: Order): string {
  const sum = `${escapeHtml(amount.currency_code)} ${escapeHtml(amount.value)}`;
  const what = escapeHtml(description ?? 'An order');
  if (status === 'COMPLETED') {
    return htmlPage(
      'PayPal',
      `<h1>PayPal</h1><p class="amount">${sum}</p><p>This order is paid or held already.</p>`,
    );
  }
  const state =
    status === 'APPROVED' ? '<p>You have approved it; the shop has not taken the money yet.</p>' : '';
  const form = `
    <form method="post" action="/checkoutnow?token=${encodeURIComponent(id)}">
      <button class="main" name="answer" value="approve">Pay now</button>
      <button name="answer" value="decline">Pay with a bank that declines</button>
      <button name="answer" value="pending">Pay with a bank that takes its time</button>
      <button name="answer" value="cancel">Cancel and go back to the shop</button>
    </form>`;
  return htmlPage(
    'PayPal',
    `<h1>PayPal: ${what}</h1><p class="amount">${sum}</p>${state}${form}
     <p class="quiet">Approving moves no money: the shop takes it after you have come back.</p>`,
  );
}
