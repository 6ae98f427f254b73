//! PEM as people save it: blocks with text around them, any line ends, indentation, a byte order mark.

/// One block: the words after BEGIN, whether its content is encrypted, and the content in base64 without white space.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) encrypted: bool,
    base64: String,
}

impl Block {
    /// The content; `None` if it is damaged.
    pub(crate) fn decode(&self) -> Option<Vec<u8>> {
        let whole = !self.base64.is_empty() && self.base64.len().is_multiple_of(4);
        openssl::base64::decode_block(&self.base64).ok().filter(|bytes| whole && !bytes.is_empty())
    }

    pub(crate) fn is_certificate(&self) -> bool {
        matches!(self.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
    }

    pub(crate) fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// The blocks of `bytes` in their order. A block that is not closed ends where the next begins.
pub(crate) fn blocks(bytes: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(bytes);
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.split(['\n', '\r']).map(|line| line.trim().trim_start_matches('\u{feff}')) {
        if let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) {
            blocks.push(Block {
                label: label.to_owned(),
                encrypted: label.starts_with("ENCRYPTED"),
                base64: String::new(),
            });
            open = true;
        } else if line.starts_with("-----END ") {
            open = false;
        } else if let Some(block) = blocks.last_mut().filter(|_| open) {
            if line.contains(':') {
                block.encrypted |= line.starts_with("Proc-Type:") && line.contains("ENCRYPTED");
            } else {
                block.base64.extend(line.split_whitespace());
            }
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_whatever_surrounds_them() {
        let text = "\u{feff}-----BEGIN CERTIFICATE-----\r\n  YWJj\r\nZGVm\t\r\n-----END CERTIFICATE-----\r\n\
                    depth=0 CN = localhost\n---\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                    DEK-Info: AES-256-CBC,00\n\nYWJj\n-----END RSA PRIVATE KEY-----\ntail";
        let found = blocks(text.as_bytes());
        let labels: Vec<_> = found.iter().map(|block| (block.label.as_str(), block.encrypted)).collect();
        assert_eq!(labels, [("CERTIFICATE", false), ("RSA PRIVATE KEY", true)]);
        assert_eq!(found[0].decode().unwrap(), b"abcdef");
        assert_eq!(blocks(b"no block"), []);
    }

    #[test]
    fn damaged_content_is_noticed() {
        for content in ["", "YWJ", "YW*j", "Y W J"] {
            let text = format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----");
            assert_eq!(blocks(text.as_bytes())[0].decode(), None, "{content}");
        }
    }
}
