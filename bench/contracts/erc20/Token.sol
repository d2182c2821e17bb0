// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// OpenZeppelin's ERC-20 as it is, with a supply that belongs at first to whoever creates it.
contract Token is ERC20 {
    constructor(uint256 supply) ERC20("Token", "TOK") {
        _mint(msg.sender, supply);
    }
}
