import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.security.PublicKey;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import javax.xml.crypto.AlgorithmMethod;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.KeySelectorResult;
import javax.xml.crypto.URIDereferencer;
import javax.xml.crypto.URIReferenceException;
import javax.xml.crypto.XMLCryptoContext;
import javax.xml.crypto.XMLStructure;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.X509Data;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.helpers.DefaultHandler;

/**
 * The JDK's XML-DSig on many documents in one run, on all cores. The file named by the argument
 * has the documents one after the other, before each its length in four bytes, the highest first.
 * Prints a line for each: valid, invalid, or error and the reason. Valid is what any certificate
 * in KeyInfo verifies; nothing outside of the document is looked at.
 */
public class Mutants {
    private static final XMLSignatureFactory FACTORY = XMLSignatureFactory.getInstance("DOM");

    public static void main(String[] args) throws Exception {
        // SHA-1 is what old entries have.
        Security.setProperty("jdk.xml.dsig.secureValidationPolicy", "");
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(args[0])))) {
            List<byte[]> batch = new ArrayList<>();
            do {
                batch.clear();
                while (batch.size() < 1000 && in.available() > 0) {
                    batch.add(in.readNBytes(in.readInt()));
                }
                System.out.print(batch.parallelStream()
                    .map(document -> verdict(document) + "\n")
                    .collect(Collectors.joining()));
            } while (!batch.isEmpty());
        }
    }

    private static String verdict(byte[] document) {
        try {
            NodeList signatures =
                parse(document).getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
            if (signatures.getLength() == 0) {
                return "error no signature";
            }
            // Any of them: what an application takes for the signature is its own choice.
            String verdict = "";
            for (int i = 0; i < signatures.getLength() && !verdict.equals("valid"); i++) {
                verdict = verify(parse(document), i);
            }
            return verdict;
        } catch (Exception | StackOverflowError e) {
            return error(e);
        }
    }

    private static String verify(Document document, int number) throws Exception {
        NodeList signatures = document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
        Chosen chosen = new Chosen();
        List<PublicKey> keys = keys(unmarshalled(chosen, signatures.item(number)).getKeyInfo());
        String verdict = "error no certificate";
        for (PublicKey key : keys) {
            chosen.key = key;
            DOMValidateContext context = context(chosen, signatures.item(number));
            try {
                if (FACTORY.unmarshalXMLSignature(context).validate(context)) {
                    return "valid";
                }
                verdict = "invalid";
            } catch (Exception e) {
                verdict = error(e);
            }
        }
        return verdict;
    }

    private static DOMValidateContext context(KeySelector selector, Node signature) {
        DOMValidateContext context = new DOMValidateContext(selector, signature);
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.FALSE);
        URIDereferencer inside = FACTORY.getURIDereferencer();
        context.setURIDereferencer((reference, where) -> {
            String uri = reference.getURI();
            if (uri != null && !uri.isEmpty() && !uri.startsWith("#")) {
                throw new URIReferenceException("outside of the document: " + uri);
            }
            return inside.dereference(reference, where);
        });
        return context;
    }

    private static XMLSignature unmarshalled(KeySelector selector, Node signature) throws Exception {
        return FACTORY.unmarshalXMLSignature(context(selector, signature));
    }

    private static List<PublicKey> keys(KeyInfo info) {
        List<PublicKey> keys = new ArrayList<>();
        if (info == null) {
            return keys;
        }
        for (XMLStructure part : info.getContent()) {
            if (part instanceof X509Data) {
                for (Object item : ((X509Data) part).getContent()) {
                    if (item instanceof X509Certificate) {
                        keys.add(((X509Certificate) item).getPublicKey());
                    }
                }
            }
        }
        return keys;
    }

    private static String error(Throwable e) {
        return "error " + String.valueOf(e).replaceAll("\\s+", " ");
    }

    private static Document parse(byte[] document) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        // As C14N 1.0 §1.1 sees a document. The JDK takes the first text only for a value.
        factory.setCoalescing(true);
        factory.setAttribute("http://javax.xml.XMLConstants/property/accessExternalDTD", "");
        DocumentBuilder builder = factory.newDocumentBuilder();
        builder.setErrorHandler(new DefaultHandler() {
            @Override
            public void fatalError(org.xml.sax.SAXParseException e) throws org.xml.sax.SAXException {
                throw e;
            }
        });
        return builder.parse(new ByteArrayInputStream(document));
    }

    /** The key whose turn it is. */
    private static class Chosen extends KeySelector {
        private PublicKey key;

        @Override
        public KeySelectorResult select(
                KeyInfo info, Purpose purpose, AlgorithmMethod method, XMLCryptoContext context) {
            return () -> key;
        }
    }
}
