//! `contract_`: contracts' interfaces, and questions to them.

use std::sync::Arc;

use abi::json::JsonError;
use abi::{Abi, MethodKind, json as abi_json};
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use primitives::limits::ARGUMENTS_BYTES_MAX;
use primitives::receipt::Failure;
use primitives::state_key::ContractInfo;
use primitives::{Address, Gas};
use serde_json::{Value, json};

use crate::backend::{Anchored, Missing, Query, QueryError, ReadError};
use crate::decode;
use crate::error::{ApiError, ErrorCode};
use crate::handlers::Handlers;
use crate::limits::QUERY_GAS_MAX;
use crate::types::{AbiView, Answer, At, Blob, QueryResult};

/// Contracts' interfaces, and questions to them.
#[rpc(server, client, namespace = "contract")]
pub trait ContractApi {
    /// Asks a contract: runs one of its query methods on committed state. `arguments` is an object
    /// by name or an array by position, typed by the contract's ABI. `caller` is whom the contract
    /// sees; nothing proves it.
    #[method(name = "query", param_kind = map)]
    async fn contract_query(
        &self,
        contract: Address,
        method: String,
        arguments: Option<Value>,
        caller: Option<Address>,
        at: Option<At>,
    ) -> Result<Answer<QueryResult>, ApiError>;

    /// The interface that a contract carries: methods, types, events, errors, storage.
    #[method(name = "abi", param_kind = map)]
    async fn contract_abi(
        &self,
        contract: Address,
        at: Option<At>,
    ) -> Result<Answer<AbiView>, ApiError>;
}

#[async_trait]
impl ContractApiServer for Handlers {
    async fn contract_query(
        &self,
        contract: Address,
        method: String,
        arguments: Option<Value>,
        caller: Option<Address>,
        at: Option<At>,
    ) -> Result<Answer<QueryResult>, ApiError> {
        let (caller, at) = (caller.unwrap_or_default(), at.unwrap_or_default());
        let arguments = arguments.unwrap_or_default();
        self.work(move |this| this.query(contract, &method, &arguments, caller, at)).await
    }

    async fn contract_abi(
        &self,
        contract: Address,
        at: Option<At>,
    ) -> Result<Answer<AbiView>, ApiError> {
        let at = at.unwrap_or_default();
        let (info, abi) = self.work(move |this| this.contract_with_abi(&contract, at)).await?;
        Ok(info.answer(|ContractInfo { code, creator, admin }| AbiView {
            contract,
            code,
            creator,
            admin,
            abi: abi.to_json(),
        }))
    }
}

impl Handlers {
    fn contract_with_abi(
        &self,
        contract: &Address,
        at: At,
    ) -> Result<(Anchored<ContractInfo>, Arc<Abi>), ApiError> {
        let info = self.backend.contract(contract, at)?;
        let abi = self.decoder.abi_of_code(&info.value.code)?;
        let abi = abi.ok_or_else(|| {
            let message = "the contract's module carries no ABI that can be read";
            ApiError::new(ErrorCode::NotFound, message)
        })?;
        Ok((info, abi))
    }

    fn query(
        &self,
        contract: Address,
        method: &str,
        arguments: &Value,
        caller: Address,
        at: At,
    ) -> Result<Answer<QueryResult>, ApiError> {
        let (_, abi) = self.contract_with_abi(&contract, at)?;
        let input = encode(&abi, method, arguments)?;
        let method = decode::method(&abi, &input);
        if method.is_some_and(|method| method.kind != MethodKind::Query) {
            let message = "the method changes state: send a transaction that calls it";
            return Err(ApiError::invalid_params(message));
        }
        let gas_limit = Gas(QUERY_GAS_MAX);
        let query = Query { contract, arguments: input, caller, at, gas_limit };
        let Anchored { at, value } =
            self.backend.query(query).map_err(|error| refused(error, method))?;
        let decoded = method.map(|method| abi_json::decode_output(method, &value.output));
        let result = match decoded {
            Some(Ok(result)) => result,
            Some(Err(error)) => {
                let message = format!("the contract's answer belies its ABI: {error}");
                return Err(ApiError::new(ErrorCode::ContractFailed, message));
            }
            None => Value::Null,
        };
        let output = Blob(value.output);
        Ok(Answer { body: QueryResult { result, output, gas_used: value.gas_used }, at })
    }
}

/// JSON to the contract's input, by the ABI.
fn encode(abi: &Abi, method: &str, arguments: &Value) -> Result<Vec<u8>, ApiError> {
    let input = abi_json::encode_call(abi, method, arguments)
        .map_err(|error: JsonError| ApiError::invalid_params(error.to_string()))?;
    if input.len() > ARGUMENTS_BYTES_MAX {
        let message = format!("arguments have at most {ARGUMENTS_BYTES_MAX} bytes");
        return Err(ApiError::limit(message, "argumentsBytes", ARGUMENTS_BYTES_MAX));
    }
    Ok(input)
}

fn refused(error: QueryError, method: Option<&abi::Method>) -> ApiError {
    let message = error.to_string();
    match error {
        QueryError::Read(error) => error.into(),
        QueryError::Reverted { output, gas_used } => {
            let revert = decode::revert(method, &output);
            let detail = json!({
                "error": revert.detail,
                "output": Blob(output),
                "gasUsed": gas_used,
            });
            ApiError::new(ErrorCode::ContractRevert, revert.message).detail(detail)
        }
        QueryError::Failed { failure, gas_used } => {
            let (reason, figures) = decode::code_and_figures(&failure);
            let detail = json!({ "reason": reason, "figures": figures, "gasUsed": gas_used });
            let code = match failure {
                Failure::OutOfGas => ErrorCode::OutOfGas,
                Failure::UnknownContract => {
                    return ReadError::NotFound(Missing::Contract).into();
                }
                _ => ErrorCode::ContractFailed,
            };
            ApiError::new(code, message).detail(detail)
        }
    }
}
