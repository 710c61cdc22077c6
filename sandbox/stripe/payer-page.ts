import { escapeHtml, htmlPage } from '../html-page.js';
import type { Intent } from './intent-object.js';

/** The issuer's page, on which a person plays the payer. */
export function challengePage({ id, body, used }: Intent): string {
  const amount = `${body.amount} ${body.currency.toUpperCase()}`;
  const card = escapeHtml(used?.token ?? 'no card');
  if (body.status !== 'requires_action') {
    const state = escapeHtml(body.status);
    return htmlPage(
      '3-D Secure',
      `<h1>3-D Secure</h1><p>This payment is <b>${state}</b>: nothing is asked.</p>`,
    );
  }
  const action = `/sandbox/challenges/${encodeURIComponent(id)}`;
  const form = `
    <form method="post" action="${action}">
      <button class="main" name="answer" value="pass">It is me</button>
      <button name="answer" value="fail">Fail</button>
    </form>`;
  const quiet = 'In Stripe’s smallest units. To leave, close this page: the payment then waits to its end.';
  return htmlPage(
    '3-D Secure',
    `<h1>3-D Secure: is it you who pays?</h1><p class="amount">${amount}</p><p>${card}</p>${form}
     <p class="quiet">${quiet}</p>`,
  );
}
