// Makes Token.hex, the code that stands on the chain, of Token.sol: `npm install --ignore-scripts && npm run build`.
const fs = require("fs");
const solc = require("solc");

const input = {
  language: "Solidity",
  sources: { "Token.sol": { content: fs.readFileSync("Token.sol", "utf8") } },
  settings: {
    optimizer: { enabled: true, runs: 1000000 },
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "*": { "*": ["evm.deployedBytecode.object"] } },
  },
};
const read = (path) => ({ contents: fs.readFileSync(require.resolve(path), "utf8") });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
for (const error of output.errors ?? []) console.error(error.formattedMessage);
fs.writeFileSync("Token.hex", output.contracts["Token.sol"].Token.evm.deployedBytecode.object + "\n");
