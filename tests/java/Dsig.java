import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.xml.crypto.AlgorithmMethod;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.KeySelectorException;
import javax.xml.crypto.KeySelectorResult;
import javax.xml.crypto.XMLCryptoContext;
import javax.xml.crypto.XMLStructure;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.keyinfo.X509Data;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.ExcC14NParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

/**
 * The JDK's XML-DSig on many files in one run. Each line of the file named by the argument is a
 * job, its words divided by tabs:
 * verify FILE
 * sign IN OUT P12 PASSWORD SIGNATURE DIGEST C14N TRANSFORM
 * knows SIGNATURE
 * Prints a line for each: valid, invalid, signed, known, unknown, or error and the reason. A canonicalization may
 * be followed by a blank and its InclusiveNamespaces; TRANSFORM is the second one, or none.
 */
public class Dsig {
    private static final XMLSignatureFactory FACTORY = XMLSignatureFactory.getInstance("DOM");

    public static void main(String[] args) throws Exception {
        // SHA-1 is what old entries have.
        Security.setProperty("jdk.xml.dsig.secureValidationPolicy", "");
        StringBuilder out = new StringBuilder();
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            out.append(job(line.split("\t"))).append('\n');
        }
        System.out.print(out);
    }

    private static String job(String[] words) {
        try {
            switch (words[0]) {
                case "verify": return verify(words[1]);
                case "knows": return knows(words[1]);
                default: return sign(words);
            }
        } catch (Exception e) {
            return "error " + String.valueOf(e.getMessage()).replace('\n', ' ');
        }
    }

    private static String verify(String file) throws Exception {
        NodeList signatures = parse(file).getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
        if (signatures.getLength() != 1) {
            return "error " + signatures.getLength() + " signatures";
        }
        DOMValidateContext context = new DOMValidateContext(new FirstCertificate(), signatures.item(0));
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.FALSE);
        return FACTORY.unmarshalXMLSignature(context).validate(context) ? "valid" : "invalid";
    }

    private static String knows(String algorithm) throws Exception {
        try {
            FACTORY.newSignatureMethod(algorithm, null);
            return "known";
        } catch (NoSuchAlgorithmException e) {
            return "unknown";
        }
    }

    private static String sign(String[] words) throws Exception {
        Document document = parse(words[1]);
        char[] password = words[4].toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(words[3])) {
            store.load(in, password);
        }
        String alias = store.aliases().nextElement();
        Key key = store.getKey(alias, password);
        Certificate certificate = store.getCertificate(alias);

        List<Transform> transforms = new ArrayList<>();
        transforms.add(FACTORY.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null));
        if (!words[8].equals("none")) {
            transforms.add(FACTORY.newTransform(uri(words[8]), (TransformParameterSpec) parameters(words[8])));
        }
        Reference reference =
            FACTORY.newReference("", FACTORY.newDigestMethod(words[6], null), transforms, null, null);
        SignedInfo info = FACTORY.newSignedInfo(
            FACTORY.newCanonicalizationMethod(uri(words[7]), parameters(words[7])),
            FACTORY.newSignatureMethod(words[5], null),
            List.of(reference));
        KeyInfoFactory keys = FACTORY.getKeyInfoFactory();
        KeyInfo keyInfo = keys.newKeyInfo(List.of(keys.newX509Data(List.of(certificate))));
        DOMSignContext context = new DOMSignContext(key, document.getDocumentElement());
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.FALSE);
        FACTORY.newXMLSignature(info, keyInfo).sign(context);
        try (FileOutputStream out = new FileOutputStream(words[2])) {
            TransformerFactory.newInstance().newTransformer()
                .transform(new DOMSource(document), new StreamResult(out));
        }
        return "signed";
    }

    private static String uri(String algorithm) {
        return algorithm.split(" ")[0];
    }

    private static C14NMethodParameterSpec parameters(String algorithm) {
        String[] words = algorithm.split(" ");
        return words.length == 1
            ? null
            : new ExcC14NParameterSpec(Arrays.asList(words).subList(1, words.length));
    }

    private static Document parse(String file) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return factory.newDocumentBuilder().parse(new File(file));
    }

    /** Trusts whatever certificate comes first. */
    private static class FirstCertificate extends KeySelector {
        @Override
        public KeySelectorResult select(
                KeyInfo info, Purpose purpose, AlgorithmMethod method, XMLCryptoContext context)
                throws KeySelectorException {
            for (XMLStructure part : info.getContent()) {
                if (part instanceof X509Data) {
                    for (Object item : ((X509Data) part).getContent()) {
                        if (item instanceof X509Certificate) {
                            PublicKey key = ((X509Certificate) item).getPublicKey();
                            return () -> key;
                        }
                    }
                }
            }
            throw new KeySelectorException("no certificate");
        }
    }
}
