/**
 * Read pictures: node example.js http://localhost:8080 street.jpg ...
 *
 * With several pictures, all go in one call.
 */

import { Client, LipiyanaError } from "./lipiyana.js";

const [address, ...paths] = process.argv.slice(2);
if (!paths.length) {
  console.error("usage: node example.js ADDRESS PICTURE...");
  process.exit(2);
}
try {
  const client = new Client(address, { token: process.env.LIPIYANA_TOKEN });
  const items =
    paths.length === 1
      ? [{ recognition: await client.recognize(paths[0]) }]
      : await client.batch(paths);
  items.forEach(({ recognition, error }, index) => {
    if (error) console.log(`${paths[index]}: ${error.message}`);
    for (const plate of recognition?.plates ?? []) {
      console.log(`${paths[index]}: plate ${plate.registration?.canonical || plate.text}`);
    }
    for (const line of recognition?.text_lines ?? []) {
      console.log(`${paths[index]}: ${line.script} ${line.text}`);
    }
  });
} catch (error) {
  if (!(error instanceof LipiyanaError)) throw error;
  console.error(`${error.code} ${error.reason}: ${error.message}`);
  process.exit(1);
}
