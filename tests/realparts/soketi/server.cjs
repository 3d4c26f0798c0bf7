// Starts soketi with the options of the JSON in argv[2]; prints "ready" once it listens.
// With "stock" as argv[3] soketi stays as it comes.
"use strict";

const { HttpHandler } = require("@soketi/soketi/dist/http-handler");
const { Server } = require("@soketi/soketi/dist/server");

// WORKAROUND: soketi's CORS headers go out before the status, so that every refusal reads as
// 200. Pusher's own API answers 401 to bad credentials; without the headers soketi does too.
if (process.argv[3] !== "stock") {
  HttpHandler.prototype.corsMiddleware = (response, next) => next(null, response);
}

const server = new Server();
server.setOptions(JSON.parse(process.argv[2]));
server.start(() => process.stdout.write("ready\n"));

// The tests hold our standard input open; when they are gone, however they ended, so are we.
process.stdin.on("end", () => process.exit(0)).resume();
