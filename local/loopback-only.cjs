// local: preloaded into kinesis-local, which listens on all interfaces and has no setting for it: every server listens on the loopback only.
const { Server } = require('node:net');

const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
  const [first] = args;
  if (typeof first === 'object' && first !== null && 'port' in first) args[0] = { ...first, host: '127.0.0.1' };
  else if (typeof first === 'number' || typeof first === 'string')
    args = [{ port: Number(first), host: '127.0.0.1' }, ...args.slice(1).filter((a) => typeof a === 'function')];
  return listen.apply(this, args);
};
