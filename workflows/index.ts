export { processPayment } from './process-payment.js';
export { refundPayment } from './refund-payment.js';
export { settleLatePayment } from './settle-late-payment.js';
export { deliverWebhook } from './deliver-webhook.js';
