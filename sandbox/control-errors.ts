/** The control API was asked for something that is not there: 404. */
export class NotFound extends Error {
  override readonly name = 'NotFound';
}

/** The control API was asked in a way it does not understand: 400. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
}
