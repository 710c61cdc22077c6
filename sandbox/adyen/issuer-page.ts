import { escapeHtml, htmlPage } from '../html-page.js';
import type { Payment } from './payments.js';

/** The issuer's page, on which a person plays the shopper. */
export function issuerPage({ id, status, amount, card, redirectResult }: Payment): string {
  const title = '3-D Secure';
  if (status !== 'redirected' || redirectResult !== null) {
    const state = escapeHtml(redirectResult === null ? status : 'answered');
    return htmlPage(title, `<h1>${title}</h1><p>This payment is <b>${state}</b>: nothing is asked.</p>`);
  }
  const action = `/sandbox/3ds/${encodeURIComponent(id)}`;
  const form = `
    <form method="post" action="${action}">
      <button class="main" name="answer" value="pass">It is me</button>
      <button name="answer" value="fail">Fail</button>
    </form>`;
  const quiet =
    'In Adyen’s minor units. To abandon it close this page: after twelve hours the offer is closed.';
  return htmlPage(
    title,
    `<h1>${title}: is it you who pays?</h1><p class="amount">${amount.value} ${escapeHtml(amount.currency)}</p>
     <p>${escapeHtml(card.brand)} ${escapeHtml(card.number.slice(-4))}</p>${form}<p class="quiet">${quiet}</p>`,
  );
}
