/** A self-signed certificate for api.example and other.example and its key. They protect nothing but the tests' own listeners. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBszCCAVigAwIBAgIUOOzvyPcDk6/K3Wf/M/GHyMENKG0wCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPSmFja2ZpZWxkIHRlc3RzMCAXDTI2MTEyMDIwNDkzN1oYDzIx
MjYxMDI3MjA0OTM3WjAaMRgwFgYDVQQDDA9KYWNrZmllbGQgdGVzdHMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAATiYE/AC+VthOT6d/xbdakd9spBpya0DQa2IWpu
Nvx4lLmjh3fffnHZaddrshmhUx7opts/6nAEc7o/KiBW5oc6o3oweDAdBgNVHQ4E
FgQUHnYpf1dPcdahvpz6HpmKM9pJyEIwHwYDVR0jBBgwFoAUHnYpf1dPcdahvpz6
HpmKM9pJyEIwJQYDVR0RBB4wHIILYXBpLmV4YW1wbGWCDW90aGVyLmV4YW1wbGUw
DwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAqlAdxBIAABHYlslM
SejMahiQiZ5aJsmoAsmqFoQAq+0CIQCkjwkh22/XmH5B0vhWIS8QRHt1XMI++y4L
ndY0M9XvJw==
-----END CERTIFICATE-----
`;

export const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgp17PZHEV4YudmT7T
U5VmP2t+G04/dxNKAHgJuqkcnJahRANCAATiYE/AC+VthOT6d/xbdakd9spBpya0
DQa2IWpuNvx4lLmjh3fffnHZaddrshmhUx7opts/6nAEc7o/KiBW5oc6
-----END PRIVATE KEY-----
`;
