import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares in a time that tells nothing of the texts. The hashes have one length, as the comparison needs it. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(hash(one), hash(other));

/** The secret that lets people and programs in. */
export class Token {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Makes a token that can't be guessed. */
  static random(): Token {
    return new Token(randomBytes(24).toString('hex'));
  }

  /** True for the token itself, as an address or an `Authorization` header has it. */
  is(text: string): boolean {
    return isSame(text, this.text);
  }

  /**
   * Returns the value of the cookie of a browser that has shown the token. It isn't the token, because other servers of
   * the same host get this cookie as well.
   */
  cookie(port: number): string {
    return createHmac('sha256', this.text).update(`cookie of port ${port}`).digest('base64url');
  }

  isCookie(text: string, port: number): boolean {
    return isSame(text, this.cookie(port));
  }
}
