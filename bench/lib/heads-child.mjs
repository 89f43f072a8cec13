// Sends one HEAD request again and again over some connections; prints requests a second.
import { connect } from 'node:net';

const { url, connections, seconds, headers = {} } = JSON.parse(process.argv[2] ?? '{}');
const { hostname, port, pathname, host } = new URL(url);
const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
const request = Buffer.from(`HEAD ${pathname} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('')}\r\n`);
const GOOD = Buffer.from('HTTP/1.1 200');
const END = Buffer.from('\r\n\r\n');

let count = 0;
let done = false;

/** @param {string} why */
function fail(why) {
  if (done) return;
  console.error(why);
  process.exit(1);
}

for (let index = 0; index < connections; index++) {
  const socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(16 * 1024),
      callback: (size, buffer) => {
        const bytes = /** @type {Buffer} */ (buffer);
        if (bytes.compare(GOOD, 0, GOOD.length, 0, GOOD.length) !== 0) fail(bytes.toString('latin1', 0, 20));
        // An answer without a body comes in one piece: its end is the end of what was read.
        if (bytes.compare(END, 0, 4, size - 4, size) !== 0) fail('an answer did not come in one piece');
        count++;
        if (!done) socket.write(request);
        return true;
      },
    },
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the server closed a connection'));
  socket.write(request);
}

const started = performance.now();
setTimeout(() => {
  done = true;
  console.log(JSON.stringify((count / (performance.now() - started)) * 1000));
  process.exit(0);
}, seconds * 1000);
