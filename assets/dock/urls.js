/**
 * Which URLs may be shown, followed and sent to.
 *
 * A page loads pictures from wherever its store is, and it cannot know that beforehand. So the
 * jobs API, which answers from this page's own origin, vouches for origins by naming them; what
 * comes another way (an event, over whichever channel) must be of an origin that is known by then.
 */

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export class Origins {
  constructor(own = location.origin) {
    this.own = own;
    this.known = new Set([own]);
  }

  /** The URL as text when the API may say it, and from then on its origin is known; else null. */
  vouched(text) {
    const url = this.parse(text);
    if (url === null) return null;
    this.known.add(url.origin);
    return url.href;
  }

  /** The URL as text when its origin is known; else null. */
  expected(text) {
    const url = this.parse(text);
    return url !== null && this.known.has(url.origin) ? url.href : null;
  }

  /** An absolute http(s) URL without a user's name in it, encrypted unless it stays near; or null. */
  parse(text) {
    if (typeof text !== 'string' || text.length > 8192) return null;
    let url;
    try {
      url = new URL(text);
    } catch {
      return null;
    }
    if (url.username !== '' || url.password !== '') return null;
    if (url.protocol === 'https:') return url;
    if (url.protocol !== 'http:') return null;
    const plain = this.own.startsWith('http:') || LOOPBACK.test(url.hostname);
    return plain ? url : null;
  }
}
